// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which names are ours. Alone on a machine Weft takes the standard ones, so
 * that nvme-cli and its udev rules find what they know. Beside a loaded
 * in-tree nvme-core it takes classes of its own and controller numbers from
 * 1000 up: /dev/nvme1000n1 cannot meet a disk of the in-tree driver, whose
 * numbers start at 0 and are filled from below.
 *
 * Decided once, when the module is loaded, before anything is registered. If
 * the in-tree nvme-core is loaded after Weft took the standard names, it is
 * the one that fails, with -EEXIST; load it first where both are wanted.
 */
#include <linux/module.h>

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

/*
 * weft_names_init() - look who is here and choose
 * @control_device: the user's choice for the control device, or NULL
 */
void weft_names_init(const char *control_device)
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
}
