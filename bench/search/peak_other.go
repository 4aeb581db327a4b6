//go:build !linux

package main

// watch finds no memory figures here.
func watch(int) func() int64 { return func() int64 { return 0 } }
