"""From the vendor's packing table to the authority's door: consignments, waybills, what arrived and what did not."""
