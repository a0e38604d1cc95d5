"""Runs an agent that has one tool, which takes two calls to the model. The agent's own spans repeat their usage."""

from pydantic_ai import Agent

Agent.instrument_all()
agent = Agent("openai-chat:gpt-5.2", name="forecaster")


@agent.tool_plain
def weather(city: str) -> str:
    return city + ": sunny"


agent.run_sync("Hello")
