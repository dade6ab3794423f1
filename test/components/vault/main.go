// Command vault serves Vault's own core and HTTP API on loopback, in memory, with
// the few engines that tests use: KV, databases with PostgreSQL, PKI, AppRole, and audit files. It is
// here because Vault's full binary builds against no published vault/sdk: the engines
// that are left out are the ones that do not compile. Vault is under the BUSL 1.1,
// so this is a tool for tests and nothing of it may enter a product.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/database"
	"github.com/hashicorp/vault/builtin/logical/pki"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/plugins/database/postgresql"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8200", "address to serve on")
	token := flag.String("token-file", "root-token", "file that the root token is written to when the server answers")
	flag.Parse()
	if err := run(*listen, *token); err != nil {
		log.Fatal(err)
	}
}

func run(listen, tokenFile string) error {
	core, token, err := start(listen)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
		return err
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{},
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Printf("serving on http://%s", listen)
	return server.Serve(listener)
}

// start gives a core that is initialized and unsealed, and its root token.
func start(listen string) (*vault.Core, string, error) {
	logger := hclog.New(&hclog.LoggerOptions{Name: "vault", Level: hclog.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, "", fmt.Errorf("storage: %w", err)
	}
	plugins, err := filepath.Abs(".") // must exist; nothing in it is run
	if err != nil {
		return nil, "", err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		Logger:             logger,
		DisableMlock:       true,
		PluginDirectory:    plugins,
		RedirectAddr:       "http://" + listen,
		BuiltinRegistry:    registry{},
		LogicalBackends:    map[string]logical.Factory{"kv": kv.Factory, "database": database.Factory, "pki": pki.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory},
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend},
	})
	if err != nil {
		return nil, "", fmt.Errorf("core: %w", err)
	}
	made, err := core.Initialize(context.Background(), &vault.InitParams{
		BarrierConfig:  &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
		RecoveryConfig: &vault.SealConfig{},
	})
	if err != nil {
		return nil, "", fmt.Errorf("initialize: %w", err)
	}
	for _, share := range made.SecretShares {
		if _, err := core.Unseal(share); err != nil {
			return nil, "", fmt.Errorf("unseal: %w", err)
		}
	}
	return core, made.RootToken, nil
}

// registry tells the core which engines are linked in.
type registry struct{}

var builtins = map[consts.PluginType]map[string]any{
	consts.PluginTypeSecrets:    {"kv": logical.Factory(kv.Factory), "database": logical.Factory(database.Factory), "pki": logical.Factory(pki.Factory)},
	consts.PluginTypeCredential: {"approle": logical.Factory(approle.Factory)},
}

const postgres = "postgresql-database-plugin"

func (registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	if kind == consts.PluginTypeDatabase && name == postgres {
		return postgresql.New, true
	}
	factory, ok := builtins[kind][name]
	return func() (any, error) { return factory, nil }, ok
}

func (r registry) Contains(name string, kind consts.PluginType) bool {
	_, ok := r.Get(name, kind)
	return ok
}

func (registry) Keys(kind consts.PluginType) []string {
	if kind == consts.PluginTypeDatabase {
		return []string{postgres}
	}
	var names []string
	for name := range builtins[kind] {
		names = append(names, name)
	}
	return names
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
