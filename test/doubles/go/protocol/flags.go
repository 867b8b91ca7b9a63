package protocol

// Flag is one create flag. The field order of the kinds below is part of the protocol.
type Flag interface {
	// Long is the name without dashes.
	Long() string
	// Variable is the environment's; empty where there is none.
	Variable() string
	// Preset is the default value; nil for a flag that has none.
	Preset() interface{}
}

// StringFlag takes a text.
type StringFlag struct {
	Name   string
	Usage  string
	EnvVar string
	Value  string
}

// IntFlag takes a whole number.
type IntFlag struct {
	Name   string
	Usage  string
	EnvVar string
	Value  int
}

// StringSliceFlag may be given several times.
type StringSliceFlag struct {
	Name   string
	Usage  string
	EnvVar string
	Value  []string
}

// BoolFlag is off unless given.
type BoolFlag struct {
	Name   string
	Usage  string
	EnvVar string
}

func (f StringFlag) Long() string      { return f.Name }
func (f IntFlag) Long() string         { return f.Name }
func (f StringSliceFlag) Long() string { return f.Name }
func (f BoolFlag) Long() string        { return f.Name }

func (f StringFlag) Variable() string      { return f.EnvVar }
func (f IntFlag) Variable() string         { return f.EnvVar }
func (f StringSliceFlag) Variable() string { return f.EnvVar }
func (f BoolFlag) Variable() string        { return f.EnvVar }

func (f StringFlag) Preset() interface{}      { return f.Value }
func (f IntFlag) Preset() interface{}         { return f.Value }
func (f StringSliceFlag) Preset() interface{} { return f.Value }
func (f BoolFlag) Preset() interface{}        { return nil }
