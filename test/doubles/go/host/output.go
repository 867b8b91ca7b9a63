package main

import (
	"encoding/json"
	"os"
	"sync"
)

// result is one line of output.
type result map[string]interface{}

var output sync.Mutex

func show(line result) {
	output.Lock()
	defer output.Unlock()
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(text, '\n'))
}

// report shows what a verb came to; false if it failed.
func report(verb string, value interface{}, err error) bool {
	if err != nil {
		show(result{"verb": verb, "error": err.Error()})
		return false
	}
	show(result{"verb": verb, "value": value})
	return true
}
