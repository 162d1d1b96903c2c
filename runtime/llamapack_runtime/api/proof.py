"""How a process shows that it knows a secret without telling it. Shared with whoever asks."""

from __future__ import annotations

import hashlib
import hmac


def instance_proof(token: str, challenge: str) -> str:
    """HMAC-SHA-256 in hexadecimal digits."""
    return hmac.new(token.encode(), challenge.encode(), hashlib.sha256).hexdigest()
