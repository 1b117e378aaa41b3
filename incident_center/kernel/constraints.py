"""What PostgreSQL enforces about tenancy, declared in the models so that ``makemigrations`` sees it.

Django asks a constraint for the SQL that creates and removes it; these two answer with policies, grants and
composite foreign keys instead of a CHECK or UNIQUE clause.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import BaseConstraint, Model

CURRENT_ORGANIZATION = "(SELECT NULLIF(current_setting('app.organization_id', true), '')::bigint)"
READ_WRITE = "SELECT, INSERT, UPDATE, DELETE"
APPEND_ONLY = "SELECT, INSERT"
READ_ONLY = "SELECT"


def _column(model: type[Model], field: str) -> str:
    column = model._meta.get_field(field).column  # type: ignore[union-attr]
    assert column is not None
    return column


class DatabaseConstraint(BaseConstraint):
    """A constraint that only the database checks: Python-side validation has nothing to add."""

    def constraint_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> None:
        """Runs after CREATE TABLE instead of inside it."""
        assert schema_editor is not None
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: Any = "default") -> None:
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.deconstruct() == other.deconstruct()

    __hash__ = None  # type: ignore[assignment]


class RowLevelSecurity(DatabaseConstraint):
    """Row-level security, enabled and forced, on a table that belongs to organizations.

    The runtime role sees and writes only rows whose ``field`` is the organization of the scope; no scope, no rows.
    The owner role sees all: without a policy of its own, FORCE would make its data migrations touch 0 rows and its
    new foreign keys validate against nothing. ``privileges`` is all that the runtime role is granted on the table.
    Partitions inherit neither the policy nor the grant, so the runtime role reaches them through the parent only.
    """

    def __init__(self, *, name: str, field: str = "organization", privileges: str = READ_WRITE, **kwargs: Any) -> None:
        self.field = field
        self.privileges = privileges
        super().__init__(name=name, **kwargs)

    def create_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement:
        assert model is not None and schema_editor is not None
        quote = schema_editor.quote_name
        return Statement(
            "ALTER TABLE %(table)s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            " CREATE POLICY %(policy)s ON %(table)s TO %(runtime)s"
            " USING (%(column)s = %(current)s) WITH CHECK (%(column)s = %(current)s);"
            " CREATE POLICY %(owner_policy)s ON %(table)s TO CURRENT_USER USING (true) WITH CHECK (true);"
            " GRANT %(privileges)s ON %(table)s TO %(runtime)s",
            table=Table(model._meta.db_table, quote),
            policy=quote(self.name),
            owner_policy=quote(f"{self.name}_owner"),
            column=quote(_column(model, self.field)),
            current=CURRENT_ORGANIZATION,
            privileges=self.privileges,
            runtime=quote(settings.RUNTIME_ROLE),
        )

    def remove_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement:
        assert model is not None and schema_editor is not None
        quote = schema_editor.quote_name
        return Statement(
            "DROP POLICY IF EXISTS %(policy)s ON %(table)s; DROP POLICY IF EXISTS %(owner_policy)s ON %(table)s;"
            " REVOKE ALL ON %(table)s FROM %(runtime)s;"
            " ALTER TABLE %(table)s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
            table=Table(model._meta.db_table, quote),
            policy=quote(self.name),
            owner_policy=quote(f"{self.name}_owner"),
            runtime=quote(settings.RUNTIME_ROLE),
        )

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, arguments, keywords = super().deconstruct()
        return path, tuple(arguments), {**keywords, "field": self.field, "privileges": self.privileges}


class SameOrganization(DatabaseConstraint):
    """A composite foreign key ``(organization_id, x_id)``: a reference cannot cross the wall.

    PostgreSQL checks foreign keys past row-level security, so an ordinary one would accept, and thereby confirm,
    the id of another organization's row. The Django field itself is declared with ``db_constraint=False``.
    """

    def __init__(self, *, name: str, field: str, **kwargs: Any) -> None:
        self.field = field
        super().__init__(name=name, **kwargs)

    def create_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement:
        assert model is not None and schema_editor is not None
        quote = schema_editor.quote_name
        field = model._meta.get_field(self.field)
        parent = field.remote_field.model  # type: ignore[union-attr]
        return Statement(
            "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s FOREIGN KEY (organization_id, %(column)s)"
            " REFERENCES %(parent)s (organization_id, %(key)s) DEFERRABLE INITIALLY DEFERRED",
            table=Table(model._meta.db_table, quote),
            name=quote(self.name),
            column=quote(_column(model, self.field)),
            parent=Table(parent._meta.db_table, quote),
            key=quote(_column(parent, parent._meta.pk.name)),
        )

    def remove_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement:
        assert model is not None and schema_editor is not None
        quote = schema_editor.quote_name
        return Statement(
            "ALTER TABLE %(table)s DROP CONSTRAINT IF EXISTS %(name)s",
            table=Table(model._meta.db_table, quote),
            name=quote(self.name),
        )

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, arguments, keywords = super().deconstruct()
        return path, tuple(arguments), {**keywords, "field": self.field}
