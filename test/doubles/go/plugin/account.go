package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// accountFile is the provider: all that it knows is in one file, which tests read and may write.
type accountFile struct {
	// Token is what callers have to know; any is right where it is empty.
	Token   string    `json:"token,omitempty"`
	Next    int       `json:"next"`
	Servers []*server `json:"servers"`
	Script  rules     `json:"script,omitempty"`
}

type server struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Address   string   `json:"address"`
	Size      string   `json:"size"`
	Tags      []string `json:"tags"`
	PublicKey string   `json:"publicKey,omitempty"`
}

// number is the one in the id.
func (s *server) number() int {
	number, _ := strconv.Atoi(strings.TrimPrefix(s.ID, "srv-"))
	return number
}

func (f *accountFile) find(id string) *server {
	for _, server := range f.Servers {
		if server.ID == id {
			return server
		}
	}
	return nil
}

// account is the provider's API as one caller uses it.
type account struct{ file, token string }

func (d *Driver) account() account { return account{d.provider(), d.ApiToken} }

func readAccount(file string) (*accountFile, error) {
	content := &accountFile{Servers: []*server{}}
	if file == "" {
		return content, errors.New("no provider is named")
	}
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return content, nil
	}
	if err != nil {
		return nil, err
	}
	return content, json.Unmarshal(text, content)
}

func (a account) read() (*accountFile, error) {
	content, err := readAccount(a.file)
	if err != nil {
		return nil, err
	}
	if content.Token != "" && content.Token != a.token {
		return nil, errors.New("401 the token is not valid")
	}
	return content, nil
}

// write changes the file under a lock and replaces it, so that no reader sees half of it.
func (a account) write(change func(*accountFile) error) error {
	lock, err := os.OpenFile(a.file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	content, err := a.read()
	if err != nil {
		return err
	}
	if err := change(content); err != nil {
		return err
	}
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.%d", a.file, os.Getpid())
	if err := os.WriteFile(fresh, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, a.file)
}

func (a account) servers() ([]*server, error) {
	content, err := a.read()
	if err != nil {
		return nil, err
	}
	return content.Servers, nil
}

func (a account) server(id string) (*server, error) {
	content, err := a.read()
	if err != nil {
		return nil, err
	}
	if found := content.find(id); found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("404 there is no server %s", id)
}

// add makes a server; one without an address gets one of this computer's.
func (a account) add(wanted server) (*server, error) {
	err := a.write(func(content *accountFile) error {
		content.Next++
		wanted.ID = fmt.Sprintf("srv-%d", content.Next)
		if wanted.Address == "" {
			wanted.Address = fmt.Sprintf("127.%d.%d.%d", 10+content.Next/65536, content.Next/256%256, content.Next%256)
		}
		content.Servers = append(content.Servers, &wanted)
		return nil
	})
	return &wanted, err
}

func (a account) change(id, state string) error {
	return a.write(func(content *accountFile) error {
		found := content.find(id)
		if found == nil {
			return fmt.Errorf("404 there is no server %s", id)
		}
		found.State = state
		return nil
	})
}

// remove says whether there was such a server.
func (a account) remove(id string) (removed bool, err error) {
	err = a.write(func(content *accountFile) error {
		kept := []*server{}
		for _, server := range content.Servers {
			if server.ID != id {
				kept = append(kept, server)
			}
		}
		removed = len(kept) < len(content.Servers)
		content.Servers = kept
		return nil
	})
	return removed, err
}
