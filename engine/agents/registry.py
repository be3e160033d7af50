"""The agents by role. A new one is a module of this package with an `AGENT`, and an entry in `system_prompts.yaml`."""

import pkgutil
from functools import cache
from importlib import import_module

import engine.agents
from engine.agents.agent import Agent


@cache
def agents() -> dict[str, Agent]:
    """Every agent of this package by its role."""
    modules = (import_module(f"engine.agents.{found.name}") for found in pkgutil.iter_modules(engine.agents.__path__))
    found = [module.AGENT for module in modules if hasattr(module, "AGENT")]
    return {agent.role: agent for agent in found}


def agent_for(role: str) -> Agent:
    """The agent of a role.

    Raises:
        KeyError: no agent has this role.
    """
    return agents()[role]


def submit_function(role: str) -> str:
    """The function that ends a session of this role; empty for a role that this version does not know."""
    agent = agents().get(role)
    return agent.submit if agent else ""
