"""What losses of projects share: weights of classes, and the mean over samples that count differently."""
