"""Reference: fields and text against the gazetteer and the catalogue, and the amount of money at stake."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from models.money import main_amount


def refer(rows: pa.Table, context: Context) -> Output:
    """Region, locality and product by their reference names; amount and currency.

    A field decides where it has a value. One that the reference does not know stays as it is, masked. Without a value,
    the text is asked: region and product then are what it names.
    """
    texts = rows["text"].to_pylist()
    places, products = context.places, context.products
    regions, localities, named = [], [], []
    for text, region, region_label, product, product_label in zip(
        texts, *(rows[name].to_pylist() for name in _FIELDS), strict=True
    ):
        # As given, since masking may take a place for a person's name; what is found stands in the reference.
        place = (places.resolve(region[:_LONGEST]) if region else places.mentioned(text)) if places else None
        regions.append(place.region if place else region_label)
        localities.append(place.locality if place else None)
        found = (products.resolve(product[:_LONGEST]) if product else products.mentioned(text)) if products else None
        named.append(found or product_label)
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


_FIELDS = ("field_region", "region", "field_product", "product")
#: A field longer than this names nothing.
_LONGEST = 80

REFERENCE = Stage(
    "reference",
    ("text", *_FIELDS),
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
