from dataclasses import replace

from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param, edit_remove, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.training.checks import check_recipe, fit_to_data


def test_a_fitting_recipe_is_left_alone(make_recipe):
    recipe = make_recipe()
    assert fit_to_data(recipe) == (recipe, ())
    assert check_recipe(recipe) is None


def test_the_input_follows_the_pictures_and_a_note_says_so(make_recipe):
    recipe = make_recipe(size_px=16)
    fitted, notes = fit_to_data(recipe)
    assert fitted.net.input == (1, 16, 16)
    assert len(notes) == 1 and "1 x 16 x 16" in notes[0].en and "1 x 8 x 8" in notes[0].en
    assert summarise(fitted.net).output == (10,)


def test_the_last_linear_layer_follows_the_classes(make_recipe):
    recipe = make_recipe()
    linear = recipe.net.layers[-1].id
    fitted, notes = fit_to_data(replace(recipe, net=edit_param(recipe.net, linear, "out_features", 1000)))
    assert fitted.net == recipe.net
    assert len(notes) == 1 and "10 outputs instead of 1000" in notes[0].en


def test_a_net_without_a_head_gets_one(make_recipe):
    recipe = make_recipe()
    net = edit_remove(edit_remove(recipe.net, recipe.net.layers[-1].id), recipe.net.layers[-2].id)
    fitted, notes = fit_to_data(replace(recipe, net=net))
    assert fitted.net.layers[-1].kind == "Linear"
    assert summarise(fitted.net).output == (10,) and len(notes) == 1
    assert check_recipe(replace(recipe, net=net)) is None


def test_a_kernel_larger_than_the_picture_is_a_problem_in_words(make_recipe):
    net = make_net("big", (3, 64, 64), ("Conv2d", {"out_channels": 4, "kernel_size": 33}), "Flatten", ("Linear", {"out_features": 10}))
    problem = check_recipe(replace(make_recipe(size_px=16), net=net))
    assert problem is not None and problem.text.en and problem.text.say("es")
    for repair in problem.repairs:
        assert check_recipe(repair.apply(replace(make_recipe(size_px=16), net=net))) is None


def test_alexnet_is_too_large_to_train_here(make_recipe):
    problem = check_recipe(replace(make_recipe(size_px=224), net=NETS["alexnet"].net))
    assert problem is not None and "param" in problem.text.en.lower()


def test_a_batch_that_needs_too_much_memory_is_refused_with_a_smaller_one_that_does_not(make_recipe):
    net = make_net("wide", (3, 64, 64), ("Conv2d", {"out_channels": 64, "kernel_size": 3}), "Flatten", ("Linear", {"out_features": 10}))
    recipe = replace(make_recipe(size_px=64, batch_size=1024), net=net)
    problem = check_recipe(recipe)
    assert problem is not None and "1,024" in problem.text.en and "1.024" in problem.text.say("es")
    mended = problem.repairs[0].apply(recipe)
    assert check_recipe(mended) is None
    assert mended.settings["batch_size"] >= 8
