package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"sess/lib/cli"
	"sess/lib/incydr"
)

// tagged turns KEY=VALUE into the field it stands for, `"KEY":"VALUE"`.
func tagged(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return nil, cli.Usagef("--tag: %q is not KEY=VALUE", text)
	}
	if slices.Contains(incydr.SessionFields, key) {
		return nil, cli.WithHint(cli.Usagef("--tag: sessions have a field %s of their own", key), "choose another name, as in tenant=acme")
	}
	return append(append(quote(key), ':'), quote(value)...), nil
}

func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
