"""How a network learns: optimizers, batches, devices, processes."""
