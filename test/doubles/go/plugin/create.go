package main

import (
	"errors"
	"fmt"
)

// A number that no float holds exactly.
const firstSerial = int64(1)<<53 + 1

func (d *Driver) preCreateCheck() error {
	if d.ProviderFile == "" {
		return fmt.Errorf("%s driver requires the --%s option", d.name, d.flag("provider"))
	}
	if d.ApiToken == "" {
		return fmt.Errorf("%s driver requires the --%s option", d.name, d.flag("token"))
	}
	if d.Size == "none" {
		return errors.New("size none is not offered")
	}
	info("Checking the account...")
	_, err := d.account().servers()
	return err
}

func (d *Driver) create() error {
	info("Creating SSH key...")
	public, err := d.prepareKey()
	if err != nil {
		return err
	}
	info("Creating server...")
	made, err := d.account().add(server{Name: d.MachineName, Address: d.Address, State: "Running", Size: d.Size, Tags: d.Tags, PublicKey: public})
	if err != nil {
		return err
	}
	d.found = made
	d.ServerID = made.ID
	d.IPAddress = made.Address
	d.Serial = firstSerial + int64(made.number())*2
	gateway := "10.0.0.1"
	d.Network.Subnets = []Subnet{{Range: "10.0.0.0/24", Gateway: &gateway}, {Range: "10.0.1.0/24"}}
	if d.Network.Private {
		d.PrivateAddress = "10.0.0.2"
	}
	debug("made server %s at %s", made.ID, made.Address)
	info("Server %s is running", made.ID)
	return nil
}
