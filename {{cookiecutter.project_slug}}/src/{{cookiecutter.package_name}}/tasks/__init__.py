"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""
