"""Setting the engine up and fetching weights: the preferences and what stands behind them."""
