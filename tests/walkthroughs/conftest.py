"""Walkthroughs run offscreen; most of them in a process of their own."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
