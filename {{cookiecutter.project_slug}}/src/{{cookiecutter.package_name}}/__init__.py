"""Train linear and deep models on real data, from one configuration."""
