"""Invented data for a first look: enterprises, cases and papers that say 示例 (sample) wherever they name someone."""
