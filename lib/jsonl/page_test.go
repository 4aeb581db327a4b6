package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func samplePage(items int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sessionId":"%036d","tenantId":"0123456789","beginTime":%d,"endTime":1763000000000,"contextSummary":"Something with an \"escape\" and ünïcode, %s","noRiskEvents":0,"lowEvents":3,"scores":[{"score":5,"severity":2,"sourceTimestamp":1763000000000}],"states":[`, i, 1760000000000+i, strings.Repeat("words ", 40))
		for k := range 8 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"state":"OPEN","stateV2":"OPEN","sourceTimestamp":1763000000%03d,"userId":"user-%d"}`, k, k)
		}
		b.WriteString(`],"triggeredAlerts":[],"x":12345678901234567890.125,"y":null,"z":true}`)
	}
	fmt.Fprintf(&b, `],"totalCount":%d}`, items)
	return b.Bytes()
}

func BenchmarkReadPage(b *testing.B) {
	page := samplePage(50)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadPage(bytes.NewReader(page), PageShape{Items: "items", Total: "totalCount", MaxBytes: 1 << 25}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONValid(b *testing.B) {
	page := samplePage(50)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		json.Valid(page)
	}
}
