package main

import (
	"fmt"
	"os"
)

// info is a line for the user: the host shows what a plugin prints on stdout.
func info(format string, values ...interface{}) {
	fmt.Printf(format+"\n", values...)
}

// debug is a line that the host shows only when asked for details.
func debug(format string, values ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
}
