// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which names are ours. Alone on a machine Weft takes the standard ones, so
 * that nvme-cli and its udev rules find what they know. Beside a loaded
 * in-tree nvme-core it takes classes of its own and controller numbers from
 * 1000 up: /dev/nvme1000n1 cannot meet a disk of the in-tree driver, whose
 * numbers start at 0 and are filled from below.
 *
 * Decided once, when the module is loaded, before anything is registered. An
 * in-tree module that comes later and would want the same names is turned away
 * when the kernel announces it, with a message; if it got as far as registering
 * them, the kernel would print a warning with a call trace.
 */
#include <linux/module.h>
#include <linux/notifier.h>

#include "host/core/core.h"

#define WEFT_BESIDE_INSTANCE	1000

struct weft_names weft_names = {
	.cls = "nvme",
	.subsys_cls = "nvme-subsystem",
	.fabrics_cls = "nvme-fabrics",
	.generic_cls = "nvme-generic",
	.control = "nvme-fabrics",
};

/* Is a module, or the kernel itself, there that exports @symbol? */
static bool symbol_there(const char *symbol)
{
	if (!__symbol_get(symbol))
		return false;
	__symbol_put(symbol);
	return true;
}

/* Would in-tree module @name register names that we have? */
static bool wants_ours(const char *name)
{
	if (!strcmp(name, "nvme_core"))
		return !weft_names.beside;
	return !strcmp(name, "nvme_fabrics") &&
	       !strcmp(weft_names.control, "nvme-fabrics");
}

static int module_comes(struct notifier_block *nb, unsigned long state,
			void *data)
{
	const struct module *mod = data;

	if (state != MODULE_STATE_COMING || !wants_ours(mod->name))
		return NOTIFY_DONE;
	pr_warn("weft: %s is refused, as weft has names that it needs; to have both, unload weft, load %s, then load weft again\n",
		mod->name, mod->name);
	/* not EEXIST, which modprobe takes for "loaded already" */
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block names_nb = {
	.notifier_call = module_comes,
};

/*
 * weft_names_init() - look who is here and choose
 * @control_device: the user's choice for the control device, or NULL
 *
 * From here to weft_names_exit() nobody takes the names away.
 */
int weft_names_init(const char *control_device)
{
	if (symbol_there("nvme_init_ctrl")) {
		weft_names.beside = true;
		weft_names.cls = "weft";
		weft_names.subsys_cls = "weft-subsystem";
		weft_names.fabrics_cls = "weft-fabrics";
		weft_names.generic_cls = "weft-generic";
		weft_names.first_instance = WEFT_BESIDE_INSTANCE;
	}
	if (symbol_there("nvmf_register_transport"))
		weft_names.control = "weft-fabrics";
	if (control_device && *control_device)
		weft_names.control = control_device;
	return register_module_notifier(&names_nb);
}

void weft_names_exit(void)
{
	unregister_module_notifier(&names_nb);
}
