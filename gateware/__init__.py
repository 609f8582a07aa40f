"""Parameter-multiplexed gradient descent as gateware, and the contract it is built to.

The contract modules (`spec`, `formats`, `plan`, `layout`, `pwl`, `latency`, `regmap`,
`regmap_document`, `device`, `frames`, `framed`, `seeds`, `presets`, `errors`, `cache_folder`) need
NumPy alone; every other module needs Amaranth.
"""
