package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"
)

// journal tells tests what happened, as JSON lines beside the provider's file: FILE.processes has starts and ends,
// FILE.calls has every call. Without a provider it keeps only counts.
type journal struct {
	mutex sync.Mutex
	file  string
	seen  map[string]int
}

type processLine struct {
	AtMs   int64  `json:"atMs"`
	Pid    int    `json:"pid"`
	Event  string `json:"event"`
	Status int    `json:"status"`
	Why    string `json:"why,omitempty"`
}

type callLine struct {
	AtMs    int64  `json:"atMs"`
	Pid     int    `json:"pid"`
	Method  string `json:"method"`
	Machine string `json:"machine"`
}

func newJournal(file string) *journal {
	return &journal{file: file, seen: map[string]int{}}
}

func (j *journal) started() {
	appendLine(j.processes(), processLine{AtMs: now(), Pid: os.Getpid(), Event: "start"})
}

// exit ends the process and says why. A killed or panicking process says nothing.
func (j *journal) exit(status int, why string) {
	appendLine(j.processes(), processLine{AtMs: now(), Pid: os.Getpid(), Event: "exit", Status: status, Why: why})
	os.Exit(status)
}

// called notes a call. A provider that is known only from a machine's state is told to the journal here.
func (j *journal) called(method, machine, provider string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.file == "" {
		j.file = provider
	}
	j.seen[method+" "+machine]++
	j.seen[method+" "]++
	if j.file != "" {
		appendLine(j.file+".calls", callLine{AtMs: now(), Pid: os.Getpid(), Method: method, Machine: machine})
	}
}

// count is how often a method was called, by all processes of the provider; of one machine if it is named.
func (j *journal) count(method, machine string) int {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.file == "" {
		return j.seen[method+" "+machine]
	}
	text, _ := os.ReadFile(j.file + ".calls")
	count := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var line callLine
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Method == method && (machine == "" || line.Machine == machine) {
			count++
		}
	}
	return count
}

func (j *journal) processes() string {
	if j.file == "" {
		return ""
	}
	return j.file + ".processes"
}

// appendLine writes with one call, so that lines of several processes do not mix.
func appendLine(file string, line interface{}) {
	if file == "" {
		return
	}
	text, _ := json.Marshal(line)
	handle, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		debug("journal: %s", err)
		return
	}
	defer handle.Close()
	handle.Write(append(text, '\n'))
}

func now() int64 { return time.Now().UnixMilli() }
