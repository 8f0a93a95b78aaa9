/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What truly happened, in a file that others may read at any moment and that
 * outlives the process that writes it, even one that is killed.
 */
#ifndef MG_TRUTH_H
#define MG_TRUTH_H

#include "meso_model.h"

struct mg_truth;

/* @body_size: of the body that mg_truth_save() keeps beside the truth.  -EPROTO: the file is
 * something else, or of another version; -EBUSY: another process has it. */
int mg_truth_open(const char *path, size_t body_size, struct mg_truth **ret_file);
struct mg_truth *mg_truth_close(struct mg_truth *file);
void mg_truth_save(struct mg_truth *file, const struct meso_truth *truth, const void *body);
/* false: nothing was ever saved */
bool mg_truth_load_body(const struct mg_truth *file, void *ret_body);

/* For everybody else.  -ENODATA nothing saved yet, -EPROTO not such a file */
int mg_truth_read(const char *path, struct meso_truth *ret_truth);
/* "name value" lines; returns @buf */
char *mg_truth_print(const struct meso_truth *truth, char *buf, size_t size);

#endif /* MG_TRUTH_H */
