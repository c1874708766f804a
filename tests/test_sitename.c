/* base/sitename: names taken apart and put together, layer lists, selections. */
#include "base/memory.h"
#include "base/sitename.h"
#include "tests/tap.h"

#include <stdlib.h>

static void test_names(void) {
  static const struct {
    const char *name, *kind;
    int layer;
  } cases[] = {{"blocks.3.hook_resid_post", "resid_post", 3},
               {"blocks.12.attn.hook_q", "q", 12},
               {"hook_embed", "embed", SITE_NO_LAYER},
               {"ln_final.hook_normalized", "ln_final", SITE_NO_LAYER}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const SiteName site = site_name_parse(cases[i].name);
    ok(site.layer == cases[i].layer && strcmp(site.kind, cases[i].kind) == 0, "%s is %s of layer %d", cases[i].name,
       site.kind, site.layer);
    char *full = site_name_format(site.kind, site.layer);
    ok(strcmp(full, cases[i].name) == 0, "and back: %s", full);
    free(full);
  }
  static const char *const others[] = {"mine",
                                       "blocks.x.hook_resid_post",
                                       "blocks.3",
                                       "blocks.3.resid_post",
                                       "blocks.3.hook_",
                                       "blocks.-1.hook_resid_post",
                                       "blocks.99999999999999999999.hook_resid_post",
                                       "",
                                       "blocks.3.hook_a.b"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    const SiteName site = site_name_parse(others[i]);
    ok(site.layer == SITE_NO_LAYER && site.kind[0] == 0, "\"%s\" has no layer and no short form", others[i]);
  }
}

/* The marks as text, "0110". */
static const char *marks(const bool *chosen, size_t n) {
  static char text[64];
  for (size_t i = 0; i < n; i++) text[i] = chosen[i] ? '1' : '0';
  text[n] = 0;
  return text;
}

static void test_layers(void) {
  static const struct {
    const char *list, *marks, *message;
  } cases[] = {{"0", "100000", NULL},
               {"0,2-3,-1", "101101", NULL},
               {"-2--1", "000011", NULL},
               {"1--1", "011111", NULL},
               {"5", "000001", NULL},
               {"6", NULL, "--layers 6: there is no layer 6, layers are 0 to 5"},
               {"0,-7", NULL, "--layers 0,-7: there is no layer -7, layers are 0 to 5"},
               {"-0", NULL, "--layers -0: there is no layer -0, layers are 0 to 5"},
               {"3-1", NULL, "--layers 3-1: 3 to 1 runs backwards"},
               {"99999999999999999999", NULL,
                "--layers 99999999999999999999: there is no layer 99999999999999999999, layers are 0 to 5"},
               {"", NULL, "--layers : expected layers such as 0,3-7,-1"},
               {"1,", NULL, "--layers 1,: expected layers such as 0,3-7,-1"},
               {"1-", NULL, "--layers 1-: expected layers such as 0,3-7,-1"},
               {"1 2", NULL, "--layers 1 2: expected layers such as 0,3-7,-1"},
               {"all", NULL, "--layers all: expected layers such as 0,3-7,-1"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bool chosen[6] = {false};
    Error err = {0};
    const Status status = layers_parse(cases[i].list, "--layers", 6, chosen, &err);
    if (cases[i].marks)
      ok(status == STATUS_OK && strcmp(marks(chosen, 6), cases[i].marks) == 0, "layers %s: %s", cases[i].list,
         marks(chosen, 6));
    else
      ok(status == STATUS_USAGE && strcmp(err.text, cases[i].message) == 0, "%s", err.text);
  }
}

static void test_selection(void) {
  static const char *const names[] = {"hook_embed",
                                      "blocks.0.hook_resid_post",
                                      "blocks.0.hook_mlp_out",
                                      "blocks.1.hook_resid_post",
                                      "blocks.1.hook_mlp_out",
                                      "ln_final.hook_normalized",
                                      "mine"};
  enum { N = sizeof names / sizeof names[0] };
  static const struct {
    const char *sites, *layers, *marks, *message;
  } cases[] = {{NULL, NULL, "1111111", NULL},
               {NULL, "-1", "0001100", NULL},
               {"resid_post", NULL, "0101000", NULL},
               {"hook_resid_post", "1", "0001000", NULL},
               {"embed,hook_embed,ln_final,mine", "0", "1000011", NULL},
               {"blocks.0.hook_mlp_out,resid_post", "1", "0011000", NULL},
               {"resid_mid", NULL, NULL, "--sites: a.h5 has no site resid_mid"},
               {"resid_post,blocks.7.hook_resid_post", "0", NULL,
                "--sites: a.h5 has no site blocks.7.hook_resid_post in these layers"},
               {"resid_post,", NULL, NULL, "--sites: a.h5 has no site "},
               {"resid_post", "2", NULL, "--layers 2: there is no layer 2, layers are 0 to 1"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bool chosen[N];
    Error err = {0};
    const Status status = sites_select(cases[i].sites, cases[i].layers, names, N, "a.h5", chosen, &err);
    if (cases[i].marks)
      ok(status == STATUS_OK && strcmp(marks(chosen, N), cases[i].marks) == 0, "selection %zu: %s", i,
         marks(chosen, N));
    else
      ok(status == STATUS_USAGE && strcmp(err.text, cases[i].message) == 0, "%s", err.text);
  }
  bool chosen[1];
  Error err = {0};
  ok(sites_select(NULL, "0", names + 6, 1, "a.h5", chosen, &err) == STATUS_USAGE &&
         strstr(err.text, "no layers to choose from"),
     "layers of sites that have none: %s", err.text);
}

int main(void) {
  test_names();
  test_layers();
  test_selection();
  return tap_end();
}
