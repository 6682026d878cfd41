"""The front door: an enterprise registers, applies, uploads, follows its case and answers remarks. Decides nothing."""
