"""`python -m workbench`: the commands of the program."""

from workbench.cli import main

if __name__ == "__main__":
    main()
