package protocol

import "fmt"

// DriverOptions is how a driver asks for flag values. SetConfigFromFlags has it as its argument, an interface.
type DriverOptions interface {
	String(name string) string
	StringSlice(name string) []string
	Int(name string) int
	Bool(name string) bool
}

// RPCFlags are flag values by name: int, bool, string or []string.
type RPCFlags struct {
	Values map[string]interface{}
}

// value is the one of that name and type. A driver goes on with the zero value of one that is missing or of another
// type, and says so on stdout.
func value[T any](flags RPCFlags, name, kind string) T {
	held, known := flags.Values[name]
	if !known {
		fmt.Printf("Trying to access option %s which does not exist\n", name)
		fmt.Println("THIS ***WILL*** CAUSE UNEXPECTED BEHAVIOR")
	}
	typed, right := held.(T)
	if !right {
		fmt.Printf("Type assertion did not go smoothly to %s for key %s\n", kind, name)
	}
	return typed
}

func (f RPCFlags) String(name string) string        { return value[string](f, name, "string") }
func (f RPCFlags) StringSlice(name string) []string { return value[[]string](f, name, "string slice") }
func (f RPCFlags) Int(name string) int              { return value[int](f, name, "int") }
func (f RPCFlags) Bool(name string) bool            { return value[bool](f, name, "bool") }
