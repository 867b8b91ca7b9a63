package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// rule is one scripted fault. README.md has what there is.
type rule struct {
	At      string `json:"at"`
	Do      string `json:"do"`
	When    string `json:"when"`
	Machine string `json:"machine"`
	Text    string `json:"text"`
	Stream  string `json:"stream"`
	Ms      int    `json:"ms"`
	Status  int    `json:"status"`
	Bytes   int    `json:"bytes"`
	// From and Times choose calls by their number, counted over all processes.
	From  int `json:"from"`
	Times int `json:"times"`
}

type rules []rule

// rulesFor reads the script of the environment and of the provider's file, anew for each call: tests change it.
func rulesFor(file string) rules {
	var found rules
	if text := os.Getenv("GODOUBLE_SCRIPT"); text != "" {
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			fmt.Fprintf(os.Stderr, "GODOUBLE_SCRIPT: %s\n", err)
			os.Exit(3)
		}
	}
	account, err := readAccount(file)
	if err != nil {
		return found
	}
	return append(found, account.Script...)
}

// at is what shall happen at a point: start, address, service, or a method.
func (all rules) at(point, machine string, journal *journal) []rule {
	var due []rule
	for _, rule := range all {
		if (rule.At == point || rule.At == "*") && (rule.Machine == "" || rule.Machine == machine) && rule.isDue(point, journal) {
			due = append(due, rule)
		}
	}
	return due
}

func (r rule) isDue(point string, journal *journal) bool {
	if r.From <= 1 && r.Times == 0 {
		return true
	}
	from := r.From
	if from < 1 {
		from = 1
	}
	number := journal.count(point, r.Machine)
	return number >= from && (r.Times == 0 || number < from+r.Times)
}

func (r rule) pause() time.Duration { return time.Duration(r.Ms) * time.Millisecond }
