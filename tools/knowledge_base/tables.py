"""The tables of a knowledge base.

`counters` hands out numbers that are never used twice, and holds the revision that tells readers of a change.
`origins` says which files hold a document: it stays as long as one of them does.
`journal` holds ranges of chunk ids that an index may know although the store does not: an unfinished
addition, or a removal whose index entries are still to go.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = [
    "chunks",
    "counters",
    "documents",
    "embeddings",
    "expansions",
    "journal",
    "mentions",
    "meta",
    "metadata",
    "moments",
    "origins",
    "picture_vectors",
    "pictures",
    "triples",
]

metadata = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", _Number, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("number", _Number, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("kind", String(16), nullable=False, index=True),
    Column("external_id", Text, index=True),
    Column("metadata", JSON, nullable=False),
    Column("added_at", String(32), nullable=False),
    Column("image", String(80)),
    Column("characters", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

origins = Table(
    "origins",
    metadata,
    Column("container", Text, primary_key=True),
    Column("source", Text, primary_key=True, index=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True, index=True),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("page", Integer),
    Column("text", Text, nullable=False),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

moments = Table(
    "moments",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("times", JSON, nullable=False),
)

expansions = Table(
    "expansions",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("made_by", String(80), nullable=False),
)

pictures = Table(
    "pictures",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("file", String(80), index=True),
    Column("shows", Text, nullable=False),
    Column("box", JSON),
)

picture_vectors = Table(
    "picture_vectors",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("encoder", String(200), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

triples = Table(
    "triples",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), index=True),
    Column("subject", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("subject_key", Text, nullable=False, index=True),
    Column("object_key", Text, nullable=False, index=True),
    Column("confidence", Float, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    Column("chunk_id", ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("entity", Text, nullable=False, index=True),
)

journal = Table(
    "journal",
    metadata,
    Column("first", _Number, primary_key=True, autoincrement=False),
    Column("last", _Number, nullable=False),
)
