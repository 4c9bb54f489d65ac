"""What is signed on Ethereum-like chains and how it is shown. Device and host use the same code."""
