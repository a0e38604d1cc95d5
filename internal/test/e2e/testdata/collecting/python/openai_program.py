"""Calls OpenAI as programs do: an answer, two streams, and a tool, which takes two calls. It knows nothing of telemetry."""

import json

from openai import OpenAI

ASK = {"model": "gpt-5.2"}
QUESTION = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}

client = OpenAI()
client.chat.completions.create(**ASK, messages=QUESTION)

for _ in client.chat.completions.create(**ASK, messages=QUESTION, stream=True, stream_options={"include_usage": True}):
    pass

for _ in client.chat.completions.create(**ASK, messages=QUESTION, stream=True):  # The usage is not asked for.
    pass

first = client.chat.completions.create(**ASK, messages=QUESTION, tools=[WEATHER]).choices[0].message
call = first.tool_calls[0]
result = {"role": "tool", "tool_call_id": call.id, "content": json.loads(call.function.arguments)["city"] + ": sunny"}
client.chat.completions.create(**ASK, messages=[*QUESTION, first.model_dump(exclude_none=True), result], tools=[WEATHER])
