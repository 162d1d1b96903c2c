"""What the chat core raises.

ChatError
└── ChatTemplateError    the template cannot be read, or refuses these messages
"""

from __future__ import annotations


class ChatError(Exception):
    """The message is a whole sentence. `status` is the HTTP status that describes it best."""

    status = 400
    code = "invalid_request"


class ChatTemplateError(ChatError):
    code = "chat_template_error"
