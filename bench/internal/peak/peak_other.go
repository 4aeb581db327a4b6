//go:build !linux

// Package peak watches how much memory a process takes.
package peak

// Watch finds no memory figures here.
func Watch(int) func() int64 { return func() int64 { return 0 } }
