"""Parameter-multiplexed gradient descent as gateware, and the contract it is built to.

The contract modules (`spec`, `formats`, `plan`, `pwl`, `latency`, `regmap`, `device`, `frames`,
`framed`, `seeds`, `presets`, `errors`) need NumPy alone; every other module needs Amaranth.
"""
