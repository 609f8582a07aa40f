"""Parameter-multiplexed gradient descent as synthesizable gateware, and the contract it is built to.

The contract modules (`spec`, `formats`, `plan`, `regmap`, `device`, `frames`, `framed`, `seeds`,
`presets`, `errors`) need NumPy alone; every other module is an Amaranth component.
"""
