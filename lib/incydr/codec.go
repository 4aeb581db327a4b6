package incydr

import jsoniter "github.com/json-iterator/go"

// codec reads and writes the small bodies that are decoded at all. A page of sessions is not:
// lib/jsonl cuts it into its items as they came.
var codec = jsoniter.ConfigCompatibleWithStandardLibrary
