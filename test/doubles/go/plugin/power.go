package main

func (d *Driver) start() error {
	d.Boots++
	return d.become("Starting", "Running")
}

func (d *Driver) stop() error    { return d.become("Stopping", "Stopped") }
func (d *Driver) kill() error    { return d.become("Killing", "Stopped") }
func (d *Driver) restart() error { return d.become("Restarting", "Running") }

func (d *Driver) become(word, state string) error {
	server, err := d.lookUp()
	if err != nil {
		return err
	}
	info("%s server %s...", word, server.ID)
	return d.account().change(server.ID, state)
}

// remove succeeds where there is nothing, as many drivers do.
func (d *Driver) remove() error {
	id := d.ServerID
	if d.found != nil {
		id = d.found.ID
	}
	if id == "" {
		info("There is no server yet")
		return nil
	}
	removed, err := d.account().remove(id)
	if err == nil && !removed {
		info("Server %s is already gone", id)
	}
	return err
}
