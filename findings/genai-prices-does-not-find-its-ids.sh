#!/usr/bin/env bash
# Finding: genai-prices does not find all models by the ids that it lists them under.
#
# Seen with genai-prices 0.2.3 from PyPI and the prices that it ships. A model is found by its conditions on names alone, and 85 of 2,330 have none that takes
# their own id: "genai-prices list" has fireworks:kimi-k3, "genai-prices calc fireworks:kimi-k3" does not find it, and asks "Did you mean: fireworks:kimi-k3". Neither
# does calc_price. It is found as accounts/fireworks/models/kimi-k3. So it is with all 48 models of Fireworks, the 31 of AWS whose ids begin with "regional.", which
# stands for us., eu. and others, four of Mistral, and two tuned ones of OpenAI. No id finds another model than its own.
#
# Where it matters: whoever reads the table and takes the ids for names of models has prices for names that the package refuses, and must take the conditions
# for the names that calls have.
# Fails when that changes. Needs bash and python3 (3.11 or newer) with venv; about 60 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >requirements.txt <<'REQ'
annotated-types==0.8.0
anyio==4.16.0
genai-prices==0.2.3
h11==0.16.0
httpcore2==2.16.2
httpx2==2.16.2
idna==3.20
markdown-it-py==4.3.0
mdurl==0.1.2
pydantic==2.14.4
pydantic-settings==2.16.3
pydantic_core==2.50.5
Pygments==2.21.0
python-dotenv==1.2.4
rich==15.0.0
rich-argparse==1.8.0
truststore==0.10.5
typing-inspection==0.4.5
typing_extensions==4.16.0
REQ
python3 -m venv venv
venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt
venv/bin/genai-prices --plain list >list.txt
cat >main.py <<'PY'
import collections

import genai_prices

other, unknown, models = 0, collections.Counter(), 0
for line in open("list.txt"):
    if not line.startswith("  "):
        continue
    provider, model = line.strip().split(": ")[0].split(":", 1)
    models += 1
    try:
        found = genai_prices.calc_price(genai_prices.Usage(input_tokens=1000, output_tokens=100), model, provider_id=provider)
        other += (found.provider.id, found.model.id) != (provider, model)
    except LookupError:
        unknown[provider] += 1
print(models, "listed,", other, "found as another,", unknown.total(), "not found:", *(f"{name} {n}" for name, n in sorted(unknown.items())))
PY
got=$(venv/bin/python -W ignore main.py
for model in fireworks:kimi-k3 fireworks:accounts/fireworks/models/kimi-k3; do
  grep -q "^  $model:" list.txt && echo "$model is listed" || echo "$model is not listed"
  if venv/bin/genai-prices --plain calc --input-tokens 1000 "$model" >calc.txt 2>&1; then echo found; else grep -o "Did you mean: [^,]*" calc.txt; fi
done)
echo "$got"
[ "$got" = "2330 listed, 0 found as another, 85 not found: aws 31 fireworks 48 mistral 4 openai 2
fireworks:kimi-k3 is listed
Did you mean: fireworks:kimi-k3
fireworks:accounts/fireworks/models/kimi-k3 is not listed
found" ]
