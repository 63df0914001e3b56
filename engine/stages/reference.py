"""Reference: fields and text against the gazetteer and the catalogue, and the amount of money at stake."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from models.money import main_amount


def refer(rows: pa.Table, context: Context) -> Output:
    """Region, locality and product by their reference names; amount and currency.

    A field decides where it has a value. One that the reference does not know stays as it is. Without a value, the text
    is asked: region and product then are what it names.
    """
    texts = rows["text"].to_pylist()
    places, products = context.places, context.products
    regions, localities, named = [], [], []
    for text, region, product in zip(texts, rows["region"].to_pylist(), rows["product"].to_pylist(), strict=True):
        place = (places.resolve(region) if region else places.mentioned(text)) if places else None
        regions.append(place.region if place else region)
        localities.append(place.locality if place else None)
        found = (products.resolve(product) if product else products.mentioned(text)) if products else None
        named.append(found or product)
    money = [main_amount(text, context.currency) for text in texts]
    return Output(
        {
            "region": regions,
            "locality": localities,
            "product": named,
            "amount": [m.value if m else None for m in money],
            "currency": [m.currency if m else None for m in money],
        }
    )


REFERENCE = Stage(
    "reference",
    ("text", "region", "product"),
    pa.schema(
        [
            ("region", pa.string()),
            ("locality", pa.string()),
            ("product", pa.string()),
            ("amount", pa.float64()),
            ("currency", pa.string()),
        ]
    ),
    refer,
)
