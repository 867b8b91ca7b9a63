package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"
)

// faults are the things that may happen in a call, by the word of the script.
var faults = map[string]func(*Service, rule) error{
	"error":        func(_ *Service, r rule) error { return errors.New(r.Text) },
	"sleep":        func(_ *Service, r rule) error { time.Sleep(r.pause()); return nil },
	"hang":         func(*Service, rule) error { select {} },
	"exit":         func(s *Service, r rule) error { s.journal.exit(r.Status, "script"); return nil },
	"kill":         func(*Service, rule) error { return killSelf() },
	"panic":        func(_ *Service, r rule) error { panic(errors.New(r.Text)) },
	"panic-string": func(_ *Service, r rule) error { panic(r.Text) },
	"garbage":      func(s *Service, r rule) error { s.wire.spill(r); select {} },
	"disconnect":   func(s *Service, _ rule) error { s.wire.cut(); return nil },
	"silence":      func(s *Service, _ rule) error { s.wire.mute(); return nil },
	"truncate":     func(s *Service, r rule) error { s.wire.limit(r.Bytes); return nil },
	"print":        func(_ *Service, r rule) error { r.stream().WriteString(r.Text + "\n"); return nil },
	"long-line": func(_ *Service, r rule) error {
		r.stream().WriteString(strings.Repeat("x", r.size()) + "\n")
		return nil
	},
	"version": func(*Service, rule) error { return nil },
	"flood":   func(_ *Service, r rule) error { return flood(r) },
}

// act carries out faults in their order; the first error ends it.
func (s *Service) act(due []rule) error {
	for _, fault := range due {
		do, known := faults[fault.Do]
		if !known {
			return errors.New("the script has an unknown fault: " + fault.Do)
		}
		if err := do(s, fault); err != nil {
			return err
		}
	}
	return nil
}

// killSelf waits for its own end: nothing may happen after it.
func killSelf() error {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func flood(r rule) error {
	line := append(bytes.Repeat([]byte("flood "), 16), '\n')
	for left := r.size(); left > 0; left -= len(line) {
		r.stream().Write(line)
	}
	return nil
}

func (r rule) stream() *os.File {
	if r.Stream == "stderr" {
		return os.Stderr
	}
	return os.Stdout
}

func (r rule) size() int {
	if r.Bytes == 0 {
		return 100 * 1024
	}
	return r.Bytes
}
