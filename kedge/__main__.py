"""`python -m kedge` is `kedge`."""

from kedge._cli import main

if __name__ == "__main__":
    main()
