package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"godouble/protocol"
)

// A plugin has so long to say where it listens.
const addressLimit = 10 * time.Second

const builtIn = " amazonec2 azure digitalocean exoscale generic google hyperv none openstack rackspace softlayer " +
	"virtualbox vmwarefusion vmwarevcloudair vmwarevsphere "

// process is a plugin that was started.
type process struct {
	command *exec.Cmd
	address string
	drained chan bool
}

// startPlugin starts the program of a driver and reads its address line.
func startPlugin(driver string) (*process, error) {
	name := "docker-machine-driver-" + driver
	if strings.Contains(builtIn, " "+driver+" ") {
		name = "docker-machine"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("Driver %q not found. Do you have the plugin binary %q accessible in your PATH?", driver, name)
	}
	command := exec.Command(path)
	command.Env = append(os.Environ(), protocol.TokenVariable+"="+protocol.Token, protocol.DriverVariable+"="+driver)
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	show(result{"plugin": path, "pid": command.Process.Pid})
	started := &process{command: command, drained: make(chan bool, 2)}
	return started, started.read(stdout, stderr)
}

// read takes the address from the first line of stdout; all other lines are shown. A plugin that ends without a line gives no
// address: the limit says so, whichever of the two comes first.
func (p *process) read(stdout, stderr io.Reader) error {
	address := make(chan string, 1)
	go p.drain(stderr, "stderr", nil)
	go p.drain(stdout, "stdout", address)
	select {
	case p.address = <-address:
		return nil
	case <-time.After(addressLimit):
		return fmt.Errorf("Failed to dial the plugin server in %s", addressLimit)
	}
}

func (p *process) drain(stream io.Reader, name string, first chan<- string) {
	lines := bufio.NewScanner(stream)
	if first != nil && lines.Scan() {
		first <- strings.TrimSpace(lines.Text())
	}
	for lines.Scan() {
		show(result{"stream": name, "text": lines.Text()})
	}
	if err := lines.Err(); err != nil {
		show(result{"stream": name, "error": err.Error()})
	}
	p.drained <- true
}

// wait shows how the plugin ended.
func (p *process) wait() {
	<-p.drained
	<-p.drained
	p.command.Wait()
	show(result{"exit": p.command.ProcessState.ExitCode(), "pid": p.command.Process.Pid})
}
