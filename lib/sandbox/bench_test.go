package sandbox

import (
	"net/http/httptest"
	"testing"
)

// The tenant must not be what a measurement of the tools measures.

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Options{Sessions: 20_000, Until: until, Now: until})
	}
}

func BenchmarkPage(b *testing.B) {
	tenant := New(Options{Sessions: 20_000, Until: until, Now: until})
	token := "Bearer " + tenant.tokens.grant(everything)
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			n := 0
			for b.Loop() {
				req := httptest.NewRequest("GET", "/v1/sessions?page_size=50&page_number="+itoa(n%360), nil)
				req.Header.Set("Authorization", token)
				req.Header.Set("Accept-Encoding", encoding)
				w := httptest.NewRecorder()
				tenant.ServeHTTP(w, req)
				b.SetBytes(int64(w.Body.Len()))
				n++
			}
		})
	}
}

// A page after a change: the list is filtered anew.
func BenchmarkPageAfterAChange(b *testing.B) {
	tenant := New(Options{Sessions: 200_000, Until: until, Now: until})
	token := "Bearer " + tenant.tokens.grant(everything)
	for b.Loop() {
		tenant.mu.Lock()
		tenant.changed(tenant.all[7], closed)
		tenant.mu.Unlock()
		req := httptest.NewRequest("GET", "/v1/sessions?page_size=50&state=OPEN", nil)
		req.Header.Set("Authorization", token)
		tenant.ServeHTTP(httptest.NewRecorder(), req)
	}
}
