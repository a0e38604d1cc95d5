"""Calls Anthropic as programs do: one answer, two streams, and a tool, which takes two calls. It knows nothing of telemetry."""

from anthropic import Anthropic

ASK = {"model": "claude-opus-4-5", "max_tokens": 1000}
QUESTION = [{"role": "user", "content": "Hello"}]
WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}

client = Anthropic()
client.messages.create(**ASK, messages=QUESTION)

for _ in client.messages.create(**ASK, messages=QUESTION, stream=True):
    pass

with client.messages.stream(**ASK, messages=QUESTION) as stream:
    stream.get_final_message()

first = client.messages.create(**ASK, messages=QUESTION, tools=[WEATHER])
use = next(block for block in first.content if block.type == "tool_use")
result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": use.input["city"] + ": sunny"}]}
client.messages.create(**ASK, messages=[*QUESTION, {"role": "assistant", "content": first.content}, result], tools=[WEATHER])
