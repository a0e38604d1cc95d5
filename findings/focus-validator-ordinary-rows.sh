#!/usr/bin/env bash
# Finding: the FinOps Foundation's validator for FOCUS 1.2 does not multiply price and quantity in ordinary rows, and one right row of a file covers for
# wrong values in all others.
#
# Seen with focus-validator 2.2.1 (its model 1.2.0.1). ListCost must be ListUnitPrice times PricingQuantity unless ChargeClass is "Correction". The validator
# makes of that "ChargeClass IS NOT NULL AND ChargeClass <> 'Correction'", and ordinary rows have null: 2.5 times 3.5 and a cost of 7.5 holds. With any other text
# in ChargeClass it fails. A column with a list of allowed values holds as soon as one row of the file has one of them.
#
# Where it matters: a file that passes may have costs that are no products, and categories that do not exist. Whoever loads it should check both.
# Fails when that changes. Needs bash and python3 with venv; about 600 MB. It says that it needs Python 3.12, and runs with older ones if one text in
# quotes is written as they read it, which the script does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >requirements.txt <<'REQ'
--no-binary focus-validator
annotated-types==0.8.0
attrs==26.1.0
certifi==2026.10.19.post1
charset-normalizer==3.5.3
duckdb==1.5.6
focus_validator==2.2.1
graphviz==0.21
idna==3.20
jsonschema==4.26.0
jsonschema-specifications==2025.9.1
numpy==2.4.6
pandas==2.3.3
polars==1.44.2
polars-runtime-32==1.44.2
poetry-core==2.5.0
pyarrow==26.0.1
pydantic==2.14.4
pydantic_core==2.50.5
python-dateutil==4.0.0
pytz==2025.2
PyYAML==6.0.4
referencing==0.37.0
requests==2.34.2
rpds-py==2026.9.1
sqlglot==27.29.0
tabulate==0.10.0
typing-inspection==0.4.5
typing_extensions==4.16.0
tzdata==2026.6
urllib3==2.8.0
REQ
python3 -m venv venv
PIP_CONSTRAINT=requirements.txt venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: --ignore-requires-python -r requirements.txt
package=$(echo venv/lib/python3*/site-packages/focus_validator)
python3 - "$package" <<'PY'
import pathlib
import sys

for file in pathlib.Path(sys.argv[1]).rglob("*.py"):
    text = file.read_text()
    older = text.replace('''f"'{k.replace('\\"', '\\"\\"')}'" for''', '''(chr(39) + k.replace('"', '""') + chr(39)) for''')
    if older != text:
        file.write_text(older)
PY
ln -s "$package" focus_validator # It reads its list of currencies from the folder in which it runs.
cat >files.py <<'PY'
import csv

row = dict.fromkeys((
    "ChargeClass CommitmentDiscountStatus InvoiceId RegionId RegionName SubAccountId SubAccountName SubAccountType").split(), "")
row |= dict.fromkeys("BilledCost ContractedCost EffectiveCost ListCost PricingCurrencyEffectiveCost".split(), "8.75")
row |= dict.fromkeys("ContractedUnitPrice ListUnitPrice PricingCurrencyContractedUnitPrice PricingCurrencyListUnitPrice".split(), "2.5")
row |= dict.fromkeys("ConsumedQuantity PricingQuantity".split(), "3.5")
row |= dict.fromkeys("ConsumedUnit PricingUnit SkuMeter ChargeDescription".split(), "Tokens")
row |= dict.fromkeys("BillingAccountId BillingAccountName ServiceName SkuId SkuPriceId".split(), "a")
row |= dict.fromkeys("InvoiceIssuerName ProviderName PublisherName".split(), "seller")
row |= dict.fromkeys("BillingCurrency PricingCurrency".split(), "USD")
row |= dict.fromkeys("SkuPriceDetails Tags".split(), "{}")
row |= {
    "BillingAccountType": "Tenant", "BillingPeriodStart": "2026-10-01T00:00:00Z", "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-03T00:00:00Z", "ChargePeriodEnd": "2026-10-04T00:00:00Z", "ChargeCategory": "Usage",
    "ChargeFrequency": "Usage-Based", "PricingCategory": "Standard", "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI",
}
for name, changes in {
    "right": [{}],
    "product": [{"ListCost": "7.5"}],
    "product-and-class": [{"ListCost": "7.5", "ChargeClass": "Other"}],
    "category": [{"ChargeCategory": "Other"}],
    "category-beside-a-right-one": [{"ChargeCategory": "Other"}, {}],
}.items():
    with open(name + ".csv", "w", newline="") as file:
        writer = csv.DictWriter(file, sorted(row))
        writer.writeheader()
        writer.writerows(row | change for change in changes)
PY
python3 files.py
cat >read.py <<'PY'
import sys
import xml.etree.ElementTree

found = {}
for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"):
    failed = case.find("failure") is not None or case.find("error") is not None
    found[case.get("name").split(" :: ")[0]] = "fails" if failed else "holds"
print(*(rule + " " + found[rule] for rule in ("ListCost-C-009-C", "ChargeCategory-C-003-M")), sep=", ")
PY
got=$(for name in right product product-and-class category category-beside-a-right-one; do
  venv/bin/python -m focus_validator.main --data-file $name.csv --validate-version 1.2 --block-download --output-type unittest --output-destination $name.xml \
    --applicability-criteria NEGOTIATED_PRICING_SUPPORTED,PUBLIC_PRICE_LIST_SUPPORTED,UNIT_PRICING_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED >$name.log 2>&1 || true
  echo "$name: $(python3 read.py $name.xml)"
done)
echo "$got"
[ "$got" = "right: ListCost-C-009-C holds, ChargeCategory-C-003-M holds
product: ListCost-C-009-C holds, ChargeCategory-C-003-M holds
product-and-class: ListCost-C-009-C fails, ChargeCategory-C-003-M holds
category: ListCost-C-009-C holds, ChargeCategory-C-003-M fails
category-beside-a-right-one: ListCost-C-009-C holds, ChargeCategory-C-003-M holds" ]
