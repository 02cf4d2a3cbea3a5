"""Model clients and what their calls cost."""

from kedge.tools.models.budget import Budget, Ledger, Meter, Spending

__all__ = ["Budget", "Ledger", "Meter", "Spending"]
