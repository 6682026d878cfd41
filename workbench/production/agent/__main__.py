"""`python -m workbench.production.agent`: the bench agent on a machine that has nothing of the server's installed."""

from workbench.production.agent.command import main

if __name__ == "__main__":
    main()
