/* SPDX-License-Identifier: MIT */
/* For the bench, on Linux: what bench/driver/rows.c is on Banos. */
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "rows.h"

u64 bench_callee(u64 value);

static void __iomem *regs; /* NULL: there is no edu */
static u64 came;	   /* cycles */

static noinline u64 own_callee(u64 value)
{
	OPTIMIZER_HIDE_VAR(value); /* else its calls are computed */
	return value + 1;
}

static u64 calls_imported(u64 n)
{
	u64 sum = 0;

	while (n--)
		sum = bench_callee(sum);
	return sum;
}

static u64 calls_local(u64 n)
{
	u64 sum = 0;

	while (n--)
		sum = own_callee(sum);
	return sum;
}

/* One instruction and a return, where HZ divides 1000. */
static u64 calls_kernel(u64 n)
{
	u64 all = n;
	unsigned int last = 0;

	while (n--)
		last = jiffies_to_msecs(1);
	return last ? all : 0;
}

static irqreturn_t on_interrupt(int irq, void *ctx)
{
	u64 now = __builtin_ia32_rdtsc();
	u32 asks = readl(regs + EDU_ASKS);

	if (!asks)
		return IRQ_NONE;
	writel(asks, regs + EDU_DONE);
	WRITE_ONCE(came, now);
	return IRQ_HANDLED;
}

static long interrupt(u64 __user *result)
{
	u64 begin;

	if (!regs)
		return -ENODEV;
	WRITE_ONCE(came, 0);
	begin = __builtin_ia32_rdtsc();
	writel(1, regs + EDU_RAISE);
	while (!READ_ONCE(came))
		cpu_relax();
	return put_user(came - begin, result);
}

static long calls(u64 __user *argument, u64 (*which)(u64))
{
	u64 n;

	if (get_user(n, argument))
		return -EFAULT;
	return put_user(which(n), argument);
}

static long control(struct file *file, unsigned int operation, unsigned long argument)
{
	switch (operation) {
	case BENCH_NUMBER:
		return put_user(BENCH_ANSWER, (int __user *)argument);
	case BENCH_IMPORTED:
		return calls((u64 __user *)argument, calls_imported);
	case BENCH_LOCAL:
		return calls((u64 __user *)argument, calls_local);
	case BENCH_KERNEL:
		return calls((u64 __user *)argument, calls_kernel);
	case BENCH_INTERRUPT:
		return interrupt((u64 __user *)argument);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = control,
};

static struct miscdevice node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bench",
	.fops = &operations,
};

/* The device and what was got for it are let go by their managed ways. */
static int probe(struct pci_dev *device, const struct pci_device_id *id)
{
	int result = pcim_enable_device(device);

	if (result)
		return result;
	result = pcim_iomap_regions(device, 1, "bench");
	if (result)
		return result;
	regs = pcim_iomap_table(device)[0];
	pci_set_master(device);
	result = pci_alloc_irq_vectors(device, 1, 1, PCI_IRQ_MSI);
	if (result < 0)
		return result;
	return devm_request_irq(&device->dev, pci_irq_vector(device, 0), on_interrupt, 0, "bench",
				device);
}

static void remove(struct pci_dev *device)
{
	regs = NULL;
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(EDU_VENDOR, EDU_DEVICE)}, {}};

static struct pci_driver driver = {
	.name = "bench",
	.id_table = ids,
	.probe = probe,
	.remove = remove,
};

static int __init rows_init(void)
{
	int result = misc_register(&node);

	if (result)
		return result;
	result = pci_register_driver(&driver);
	if (result)
		misc_deregister(&node);
	return result;
}

static void __exit rows_exit(void)
{
	pci_unregister_driver(&driver);
	misc_deregister(&node);
}

module_init(rows_init);
module_exit(rows_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("answers the bench's driver rows");
