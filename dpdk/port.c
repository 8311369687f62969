/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_thash.h>

#include "shim.h"

static void copy_name(char to[LD_MAX_NAME], const char *from)
{
	size_t len = from != NULL ? strnlen(from, LD_MAX_NAME - 1) : 0;

	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

int ld_port_by_name(const char *name, uint16_t *port)
{
	return rte_eth_dev_get_port_by_name(name, port);
}

uint32_t ld_ports(uint16_t *ids, uint32_t max)
{
	uint32_t n = 0;
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	{
		if (n < max)
			ids[n++] = id;
	}
	return n;
}

int ld_port_info(uint16_t port, struct ld_port_info *info)
{
	struct rte_eth_dev_info dev;
	char name[RTE_ETH_NAME_MAX_LEN];
	int rc;

	if ((rc = rte_eth_dev_info_get(port, &dev)) != 0)
		return rc;
	if ((rc = rte_eth_dev_get_name_by_port(port, name)) != 0)
		return rc;
	copy_name(info->name, name);
	copy_name(info->driver, dev.driver_name);
	info->socket = rte_eth_dev_socket_id(port);
	info->if_index = dev.if_index;
	info->max_rx_queues = dev.max_rx_queues;
	info->max_tx_queues = dev.max_tx_queues;
	info->rx_queues = dev.nb_rx_queues;
	info->tx_queues = dev.nb_tx_queues;
	info->reta_size = dev.reta_size;
	info->key_size = dev.hash_key_size;
	info->rss_types = dev.flow_type_rss_offloads;
	info->rx_offloads = dev.rx_offload_capa;
	info->tx_offloads = dev.tx_offload_capa;
	info->min_mtu = dev.min_mtu;
	info->max_mtu = dev.max_mtu;
	info->rx_desc_min = dev.rx_desc_lim.nb_min;
	info->rx_desc_max = dev.rx_desc_lim.nb_max;
	info->rx_desc_align = dev.rx_desc_lim.nb_align;
	info->tx_desc_min = dev.tx_desc_lim.nb_min;
	info->tx_desc_max = dev.tx_desc_lim.nb_max;
	info->tx_desc_align = dev.tx_desc_lim.nb_align;
	info->max_frame = dev.max_rx_pktlen;
	return 0;
}

/* Frames that a buffer may be too short for need several mbufs each, where the device can do that.
 */
static void allow_scatter(struct rte_eth_conf *conf, const struct rte_eth_dev_info *dev,
			  const struct ld_port_config *config)
{
	uint32_t room = rte_pktmbuf_data_room_size(config->pool[0]) - RTE_PKTMBUF_HEADROOM;
	uint32_t mtu = config->mtu > 0 ? config->mtu : RTE_ETHER_MTU;

	for (uint16_t i = 1; i < config->rx_queues; i++)
		room = RTE_MIN(room, (uint32_t)rte_pktmbuf_data_room_size(config->pool[i]) -
					     RTE_PKTMBUF_HEADROOM);
	if (mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN <= room)
		return;
	conf->rxmode.offloads |= dev->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->txmode.offloads |= dev->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

static void ask_for_rss(struct rte_eth_conf *conf, const struct rte_eth_dev_info *dev,
			struct ld_port_config *config)
{
	config->rss_types &= dev->flow_type_rss_offloads;
	if (config->rss_types == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rxmode.offloads |= dev->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf->rx_adv_conf.rss_conf.rss_hf = config->rss_types;
	if (config->key_len > 0) {
		conf->rx_adv_conf.rss_conf.rss_key = config->key;
		conf->rx_adv_conf.rss_conf.rss_key_len = (uint8_t)config->key_len;
	}
}

static int set_up_queues(uint16_t port, struct ld_port_config *config)
{
	int socket = rte_eth_dev_socket_id(port);
	int rc;

	for (uint16_t i = 0; i < config->rx_queues; i++) {
		config->failed_at = "set up its receive queues";
		rc = rte_eth_rx_queue_setup(port, i, config->rx_desc, (unsigned)socket, NULL,
					    config->pool[i]);
		if (rc != 0)
			return rc;
	}
	for (uint16_t i = 0; i < config->tx_queues; i++) {
		config->failed_at = "set up its transmit queues";
		rc = rte_eth_tx_queue_setup(port, i, config->tx_desc, (unsigned)socket, NULL);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int ld_port_open(uint16_t port, struct ld_port_config *config)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info dev;
	int rc;

	config->failed_at = "ask for its capabilities";
	if ((rc = rte_eth_dev_info_get(port, &dev)) != 0)
		return rc;
	ask_for_rss(&conf, &dev, config);
	allow_scatter(&conf, &dev, config);
	conf.rxmode.mtu = config->mtu;
	config->failed_at = "configure it";
	rc = rte_eth_dev_configure(port, config->rx_queues, config->tx_queues, &conf);
	if (rc != 0)
		return rc;
	config->failed_at = "size its queues";
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port, &config->rx_desc, &config->tx_desc);
	if (rc != 0)
		return rc;
	if ((rc = set_up_queues(port, config)) != 0)
		return rc;
	if (config->mtu == 0)
		return 0;
	config->failed_at = "set its MTU";
	rc = rte_eth_dev_set_mtu(port, config->mtu);
	return rc == -ENOTSUP ? 0 : rc; /* a device that takes frames of any length */
}

int ld_port_start(uint16_t port)
{
	return rte_eth_dev_start(port);
}

int ld_port_stop(uint16_t port)
{
	return rte_eth_dev_stop(port);
}

int ld_port_close(uint16_t port)
{
	return rte_eth_dev_close(port);
}

int ld_port_mac(uint16_t port, uint8_t mac[6])
{
	struct rte_ether_addr addr;
	int rc = rte_eth_macaddr_get(port, &addr);

	if (rc == 0)
		memcpy(mac, addr.addr_bytes, sizeof(addr.addr_bytes));
	return rc;
}

static struct rte_ether_addr ether_addr(const uint8_t mac[6])
{
	struct rte_ether_addr addr;

	memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
	return addr;
}

int ld_port_set_mac(uint16_t port, const uint8_t mac[6])
{
	struct rte_ether_addr addr = ether_addr(mac);

	return rte_eth_dev_default_mac_addr_set(port, &addr);
}

int ld_port_add_mac(uint16_t port, const uint8_t mac[6])
{
	struct rte_ether_addr addr = ether_addr(mac);

	return rte_eth_dev_mac_addr_add(port, &addr, 0);
}

int ld_port_promiscuous(uint16_t port, int on)
{
	return on ? rte_eth_promiscuous_enable(port) : rte_eth_promiscuous_disable(port);
}

int ld_port_allmulticast(uint16_t port, int on)
{
	return on ? rte_eth_allmulticast_enable(port) : rte_eth_allmulticast_disable(port);
}

int ld_port_mtu(uint16_t port, uint16_t *mtu)
{
	return rte_eth_dev_get_mtu(port, mtu);
}

int ld_port_link(uint16_t port, struct ld_link *link)
{
	struct rte_eth_link now;
	int rc;

	memset(&now, 0, sizeof(now));
	if ((rc = rte_eth_link_get_nowait(port, &now)) != 0)
		return rc;
	link->speed = now.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : now.link_speed;
	link->up = now.link_status == RTE_ETH_LINK_UP;
	link->full_duplex = now.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	return 0;
}

int ld_port_stats(uint16_t port, struct ld_port_stats *stats)
{
	struct rte_eth_stats now;
	int rc;

	memset(&now, 0, sizeof(now));
	if ((rc = rte_eth_stats_get(port, &now)) != 0)
		return rc;
	*stats = (struct ld_port_stats){
		.rx_packets = now.ipackets,
		.tx_packets = now.opackets,
		.rx_bytes = now.ibytes,
		.tx_bytes = now.obytes,
		.rx_missed = now.imissed,
		.rx_errors = now.ierrors,
		.tx_errors = now.oerrors,
		.rx_no_mbuf = now.rx_nombuf,
	};
	return 0;
}

/* Returns how many there are, which may be more than max; then none was written. */
int ld_port_xstats(uint16_t port, struct ld_xstat *stats, uint32_t max)
{
	int n = rte_eth_xstats_get_names(port, NULL, 0);
	struct rte_eth_xstat_name *names;
	struct rte_eth_xstat *values;

	if (n <= 0 || (uint32_t)n > max)
		return n;
	names = calloc((size_t)n, sizeof(*names));
	values = calloc((size_t)n, sizeof(*values));
	if (names == NULL || values == NULL) {
		free(names);
		free(values);
		return -ENOMEM;
	}
	if (rte_eth_xstats_get_names(port, names, (unsigned)n) != n ||
	    rte_eth_xstats_get(port, values, (unsigned)n) != n) {
		n = -EAGAIN;
	} else {
		for (int i = 0; i < n; i++) {
			copy_name(stats[i].name, names[values[i].id].name);
			stats[i].value = values[i].value;
		}
	}
	free(names);
	free(values);
	return n;
}

int ld_port_reta(uint16_t port, const uint16_t *queues, uint16_t size)
{
	struct rte_eth_rss_reta_entry64 reta[LD_MAX_RETA / RTE_ETH_RETA_GROUP_SIZE];

	if (size > LD_MAX_RETA)
		return -ERANGE;
	memset(reta, 0, sizeof(reta));
	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= 1ULL << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = queues[i];
	}
	return rte_eth_dev_rss_reta_update(port, reta, size);
}

int ld_port_rss(uint16_t port, uint64_t *types, uint8_t *key, uint16_t key_len)
{
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = (uint8_t)key_len};
	int rc = rte_eth_dev_rss_hash_conf_get(port, &conf);

	if (rc == 0)
		*types = conf.rss_hf;
	return rc;
}

int ld_port_set_rss(uint16_t port, uint64_t types, uint8_t *key, uint16_t key_len)
{
	struct rte_eth_rss_conf conf = {
		.rss_key = key, .rss_key_len = (uint8_t)key_len, .rss_hf = types};

	return rte_eth_dev_rss_hash_update(port, &conf);
}

/* key has room for count + 1 words; rte_softrss() reads it as such. */
uint32_t ld_softrss(const uint32_t *words, uint32_t count, const uint8_t *key)
{
	uint32_t tuple[16], aligned[17];

	if (count > RTE_DIM(tuple))
		return 0;
	memcpy(tuple, words, count * sizeof(*tuple));
	memcpy(aligned, key, (count + 1) * sizeof(*aligned));
	return rte_softrss(tuple, count, (const uint8_t *)aligned);
}
